"""Learning from citizens: labelled sentences, judged by staff, for the next training."""
