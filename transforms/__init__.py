"""Transform: Polars frames in, Polars frames out; pure, and without a clock."""
