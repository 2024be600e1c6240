"""Where an integer variant loses its numbers: the error of every operator."""
