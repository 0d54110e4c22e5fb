"""Whose the relations of schema public are, by their names."""

# Tables that Django's own `migrate` makes, for itself and for its apps: no revision knows them. A regular expression.
OF_DJANGO = "^(auth|axes|django)_"
