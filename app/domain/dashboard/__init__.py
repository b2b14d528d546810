"""What the dashboard shows of many calls: rows, searches, numbers."""
