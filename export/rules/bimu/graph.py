integer = real = None
