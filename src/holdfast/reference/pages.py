from starlette.responses import PlainTextResponse
PAGE_ROUTES = ()
def refusal_page(request, error):
    return PlainTextResponse(error.message, error.status)
