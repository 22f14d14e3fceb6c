"""Salesforce and Veeva CRM: the login, queries, Bulk API extracts and writes."""
