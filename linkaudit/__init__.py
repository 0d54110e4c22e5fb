"""Links between documents, drugs and trials."""
