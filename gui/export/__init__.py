"""From a trace to files: pictures, animations, handouts; no Tk."""
