"""What a user holds: the verbs of a classifier and of a regressor, whatever the rule."""
