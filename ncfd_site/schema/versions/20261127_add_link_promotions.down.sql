SELECT pg_temp.refuse_loss('{"link_promotions": "true"}');

DROP FUNCTION IF EXISTS revert_link_promotion(bigint, text, text);
DROP FUNCTION IF EXISTS promote_links(bigint, bigint, integer);
DROP FUNCTION IF EXISTS start_link_promotion(text, text, text);
DROP FUNCTION IF EXISTS require_promotion_rule(text);
DROP TABLE IF EXISTS link_promotion_items;
DROP TABLE IF EXISTS link_promotions;
