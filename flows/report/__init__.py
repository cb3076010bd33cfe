"""The report page: one HTML file, readable without a network, about who is out, when and why."""
