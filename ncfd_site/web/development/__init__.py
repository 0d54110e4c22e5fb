"""The development server: `manage.py runserver` with a port from the environment and sentences for errors."""
