"""The viewer's server: a Datasette of what was received. Runs in the viewer's environment."""
