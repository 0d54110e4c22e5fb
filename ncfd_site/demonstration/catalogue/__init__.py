"""What the demonstration is made of: companies, drugs, and the conditions that they are tried in."""
