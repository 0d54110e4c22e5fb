"""Files into the database, as the commands `load_*` ask for it: each file to the apps that understand it."""
