"""The SEC's list of companies and tickers into the database, and sponsors matched to companies by name."""
