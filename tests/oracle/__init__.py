"""An independent backward pass in Python, and torch's own hooks: what the recorder's results are compared with.

Nothing outside the tests imports this package.
"""
