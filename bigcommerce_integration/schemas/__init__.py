"""What a request may hold, as a JSON body, a query or a form: one declaration for web/ and pages/."""
