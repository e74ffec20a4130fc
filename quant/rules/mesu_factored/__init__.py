"""MESU with a variance that is a product of one factor for each row and one for each column."""
