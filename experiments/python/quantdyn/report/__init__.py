"""The page of a result: `quantdyn report`, or `python3 -m quantdyn.report`."""
