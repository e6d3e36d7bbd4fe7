"""What each tab of an invoice shows, worked out from a snapshot and the rows beside it: plain data for templates."""
