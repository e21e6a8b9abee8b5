"""Data only: laws, plans, texts and report forms. Code that reads them lives elsewhere."""
