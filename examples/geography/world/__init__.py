"""The world app: continents, countries and cities of the GeoNames gazetteer."""
