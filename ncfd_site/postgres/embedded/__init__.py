"""A PostgreSQL server for development, in a folder: started when it is needed, stopped after its last user.

`programs` runs PostgreSQL's programs, `cluster` is the data folder with its server, `server` shares one server between
processes, `reaper` is the process that stops it.
"""
