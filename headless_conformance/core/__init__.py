"""What everything else stands on: settings, versions, paths, errors, progress, processes."""
