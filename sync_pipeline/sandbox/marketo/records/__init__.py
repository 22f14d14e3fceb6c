"""The records of a subscription: people, companies, opportunities, custom objects and activities."""
