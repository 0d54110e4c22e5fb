"""Companies, securities and the sponsor resolver."""
