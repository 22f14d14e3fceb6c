"""SOQL: it is parsed, checked and compiled to SQL."""
