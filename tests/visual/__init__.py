"""Pictures of every page and component, compared with the accepted ones: `make pictures`."""
