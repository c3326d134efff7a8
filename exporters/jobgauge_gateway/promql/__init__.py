"""PromQL read strictly and written anew: pure functions from a stranger's text to text that the gateway vouches for."""
