"""The review desk: slots of random samples, one at a time, without anything that could bias the reviewer."""
