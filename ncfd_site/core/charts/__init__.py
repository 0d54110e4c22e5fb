"""Charts as SVG that the server renders: functions here compute positions, templates under `charts/` draw them.

Horizontal positions are percentages of the width, so that a chart grows with the page while its text does not. Vertical
positions are pixels.
"""
