"""The demonstration as rows: each module fills the tables of one part of the database."""
