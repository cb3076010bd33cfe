"""One run as plain functions: plan, context, stages, load, publication and summary."""
