"""What follows an answer: its grade and cost, its outcome, and the delivery of the outcome to the log."""
