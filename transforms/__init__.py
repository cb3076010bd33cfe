"""Transform Polars frames into Polars frames, without input, output or a clock."""
