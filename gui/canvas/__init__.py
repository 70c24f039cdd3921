"""The picture on the screen: what is seen of it, and what mouse and keys do there."""
