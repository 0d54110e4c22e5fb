"""Pages that the admin of every table shares."""
