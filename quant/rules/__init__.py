"""One room for each rule."""
