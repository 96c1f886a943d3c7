"""The viewer itself: a Datasette of what arrived. Runs in the viewer's own environment."""
