"""What Pullback knows: records, playback, layout, and the engine that runs torch."""
