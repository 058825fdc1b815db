def fahrenheit(celsius, digits):
    return round(celsius * 9 / 5 + 32, digits)
