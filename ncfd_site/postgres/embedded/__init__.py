"""The project's own PostgreSQL: a server in a folder, started when needed, stopped when its last user has left.

`programs` runs what PostgreSQL brings, `cluster` is the data folder and its server, `server` shares one server between
processes, `keeper` is the small process that stops it, `base` is Django's database backend on top (Django looks for it
under that name).
"""
