"""A Salesforce or Veeva org."""
