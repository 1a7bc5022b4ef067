# frozen_string_literal: true

# Doorkeeper on Rails, with the clients of the interop run, on a free port of 127.0.0.1. It hands out the same token until that
# ends (reuse_access_token).
#
# Environment: INTEROP_SECRET, the secret of every client; INTEROP_DATABASE, a file that is not there yet. Prints "ready URL"
# when it listens. GET /token-requests says how many token requests came so far; /parcels is a resource that wants the scope
# read.
ENV['RAILS_ENV'] = 'production'
require 'rails'
require 'action_controller/railtie'
require 'active_record'
require 'doorkeeper'
# Rack 3 gave its servers to a package of their own.
begin
  require 'rackup/handler/webrick'
  HANDLER = Rackup::Handler::WEBrick
rescue LoadError
  require 'rack/handler/webrick'
  HANDLER = Rack::Handler::WEBrick
end

SECRET = ENV.fetch('INTEROP_SECRET')

# One connection, for which requests wait up to this many seconds: a thread that waited for another's lock on the file would
# keep that one from running.
ActiveRecord::Base.establish_connection(
  adapter: 'sqlite3', database: ENV.fetch('INTEROP_DATABASE'), pool: 1, checkout_timeout: 60
)
ActiveRecord::Schema.verbose = false
ActiveRecord::Schema.define do
  create_table :oauth_applications do |table|
    table.string :name, :uid, :secret, null: false
    table.text :redirect_uri
    table.string :scopes, null: false, default: ''
    table.boolean :confidential, null: false, default: true
    table.timestamps null: false
  end
  create_table :oauth_access_tokens do |table|
    table.references :resource_owner
    table.references :application, null: false
    table.string :token, null: false, index: { unique: true }
    table.string :refresh_token, :scopes
    table.integer :expires_in
    table.datetime :revoked_at
    # Ends are told to the fraction of a second.
    table.datetime :created_at, null: false, precision: 6
  end
end

class Interop < Rails::Application
  config.eager_load = false
  config.secret_key_base = 'of a server that lives as long as one run'
  config.logger = Logger.new($stderr)
  config.log_level = :error
  config.hosts = ['127.0.0.1']
end

Doorkeeper.configure do
  orm :active_record
  grant_flows %w[client_credentials]
  default_scopes :read
  optional_scopes :write
  reuse_access_token
  # Of a client named brief, a token lives 3 seconds.
  custom_access_token_expires_in { |context| context.client.uid == 'brief' ? 3 : 600 }
  force_ssl_in_redirect_uri false
  allow_blank_redirect_uri true
end

class ParcelsController < ActionController::API
  before_action -> { doorkeeper_authorize! :read }

  def index
    render json: {}
  end
end

# Counts the token requests on their way to the application.
class Counting
  def initialize(application)
    @application = application
    @lock = Mutex.new
    @token_requests = 0
  end

  def call(env)
    return [200, { 'Content-Type' => 'text/plain' }, [@token_requests.to_s]] if env['PATH_INFO'] == '/token-requests'

    @lock.synchronize { @token_requests += 1 } if env['REQUEST_METHOD'] == 'POST' && env['PATH_INFO'] == '/oauth/token'
    ActiveRecord::Base.connection_pool.with_connection { @application.call(env) }
  end
end

Interop.initialize!
Interop.routes.draw do
  use_doorkeeper { skip_controllers :applications, :authorized_applications, :authorizations }
  get '/parcels', to: 'parcels#index'
end
%w[plain post brief].each { |id| Doorkeeper::Application.create!(name: id, uid: id, secret: SECRET) }
ActiveRecord::Base.connection_pool.release_connection

options = { Host: '127.0.0.1', Port: 0, AccessLog: [], Logger: WEBrick::Log.new($stderr, WEBrick::Log::ERROR) }
HANDLER.run(Counting.new(Interop), **options) do |server|
  $stdout.puts "ready http://127.0.0.1:#{server.listeners.first.addr[1]}"
  $stdout.flush
end
