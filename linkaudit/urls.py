"""URLs of links, review, adjudication, heuristics and promotions."""

from django.urls import path

from linkaudit import views
from linkaudit.adjudication import views as adjudication
from linkaudit.own_work import views as own_work
from linkaudit.precision import views as precision
from linkaudit.promotion import views as promotion
from linkaudit.review import views as review

app_name = "linkaudit"

urlpatterns = [
    path("review/", review.desk, name="desk"),
    path("review/lease/", review.lease, name="lease"),
    path("review/undo/", review.undo, name="undo_review"),
    path("review/shortcuts/", review.shortcuts, name="shortcuts"),
    path("review/mine/", own_work.mine, name="mine"),
    path("review/mine/<int:review_id>/", own_work.correct, name="own_decision"),
    path("review/<uuid:token>/", review.slot, name="slot"),
    path("review/<uuid:token>/skip/", review.skip, name="skip"),
    path("review/<uuid:token>/heartbeat/", review.heartbeat, name="heartbeat"),
    path("adjudication/", adjudication.disagreements, name="disagreements"),
    path("adjudication/<int:audit_id>/", adjudication.disagreement, name="disagreement"),
    path("agreement/", adjudication.agreement, name="agreement"),
    path("links/", views.links, name="links"),
    path("links/<int:audit_id>/", views.link, name="link"),
    path("links/<int:audit_id>/undo/", views.undo, name="undo"),
    path("promotions/", promotion.promotions, name="promotions"),
    path("promotions/<int:promotion_id>/", promotion.promotion, name="promotion"),
    path("promotions/<int:promotion_id>/revert/", promotion.revert, name="revert_promotion"),
    path("samples/<int:sample_id>/close/", precision.close, name="close_sample"),
    path("heuristics.json", precision.heuristics_json, name="heuristics_json"),
    path("heuristics/", precision.heuristics, name="heuristics"),
    # The name of a heuristic can contain a slash, so its own page comes last.
    path("heuristics/<path:name>.json", precision.heuristic_json, name="heuristic_json"),
    path("heuristics/<path:name>/promote/", promotion.promote, name="promote"),
    path("heuristics/<path:name>/samples/draw/", precision.draw, name="draw_sample"),
    path("heuristics/<path:name>/", precision.heuristic, name="heuristic"),
]
