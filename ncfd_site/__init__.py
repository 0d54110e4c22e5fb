"""The site: settings, the schema and its migration, and what belongs to no single app."""
