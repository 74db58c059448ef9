"""How a run is observed: the run log, readable errors in Luigi's log, notifications."""
