"""Plans: SQL, what fills it and how its rows become answers; kept by structure once Django has agreed."""
