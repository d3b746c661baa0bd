"""What the methods of downlaw.laws do on laws that are known: recovery, coverage, error rates."""
