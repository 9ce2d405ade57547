"""Plans: SQL, binders and hydrators, kept by structure once Django has agreed with them."""
