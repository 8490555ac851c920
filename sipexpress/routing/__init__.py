"""What users write routers against: Router, use(), route marks, and answers that may wait."""
