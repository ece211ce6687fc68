"""The figures, a module each: draw(results, choice) -> matplotlib figure. catalogue.py lists them."""
