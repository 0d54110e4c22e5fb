"""The home page: tiles that apps register, and shortcuts to lists."""
