"""What is asked: clauses, how a query ends and the shape of its rows. Data only; the compiler makes SQL of it."""
